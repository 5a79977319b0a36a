import { join } from 'node:path';
import type { AxisOrder } from '../../lib/federation/schemas/model.ts';
import { exportMetadata } from '../../lib/models/interchange/metadata.ts';
import { type Files, monaiBundle } from '../../lib/models/interchange/monai-bundle.ts';
import { nnunetFolder } from '../../lib/models/interchange/nnunet-folder.ts';
import { asTorch } from '../../lib/models/interchange/torch.ts';
import { type CardFacts, modelCard } from '../../lib/models/model-card.ts';
import { encodePackage, type TrainedModel } from '../../lib/models/package.ts';
import { encodeSafetensors } from '../../lib/weights/safetensors.ts';
import type { Format } from './format.ts';

/** The files of an export by their paths, with the model card. */
export function exportedFiles(
  trained: TrainedModel,
  facts: CardFacts,
  { format, axes = 'xyz', out }: { readonly format: Format; readonly axes?: AxisOrder; readonly out: string },
): Files {
  const card = modelCard(trained, facts);
  switch (format) {
    case 'torch': {
      const file = encodeSafetensors(asTorch(trained, axes), exportMetadata(trained.tasks, axes));
      return new Map<string, string | Uint8Array>([
        [out, file],
        [cardBeside(out), card],
      ]);
    }
    case 'fedcardio':
      return new Map<string, string | Uint8Array>([
        [out, encodePackage(trained, facts.release)],
        [cardBeside(out), card],
      ]);
    case 'monai-bundle':
    case 'nnunet': {
      const files = format === 'nnunet' ? nnunetFolder(trained) : monaiBundle(trained);
      return new Map([...files, ['MODEL_CARD.md', card] as const].map(([path, body]) => [join(out, path), body]));
    }
  }
}

/** Path of the card of a model in one file. */
const cardBeside = (file: string): string => `${file.replace(/\.safetensors$/, '')}.MODEL_CARD.md`;
