export declare function installTensorAddon(options: {
  readonly root: string;
  readonly say: (line: string) => void;
  readonly again?: boolean;
}): void;
