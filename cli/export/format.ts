export const FORMATS = ['torch', 'monai-bundle', 'nnunet', 'fedcardio'] as const;
export type Format = (typeof FORMATS)[number];

/** Whether a format is a folder, which has the model card inside. */
export const isFolder = (format: Format): boolean => format === 'monai-bundle' || format === 'nnunet';
