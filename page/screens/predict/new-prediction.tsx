import { useState } from 'preact/hooks';
import type { Session } from '../../api/session.ts';
import { ApiError } from '../../client.ts';
import { FileChoice } from '../../parts/file-choice.tsx';
import { useFormats } from '../../parts/format.ts';
import { Progress } from '../../parts/progress.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';
import { ChooseCt } from './choose-ct.tsx';
import type { GivenCt } from './given-ct.ts';
import { type ChosenModel, sendPrediction } from './send.ts';

/** A CT and a model, and the button that starts. */
export function NewPrediction({ session }: { readonly session: Session }) {
  const { predict: text } = useTexts();
  const { bytes } = useFormats();
  const [ct, setCt] = useState<GivenCt>();
  const [model, setModel] = useState<ChosenModel>();
  const [sent, setSent] = useState<{ readonly done: number; readonly total: number }>();
  const [fault, setFault] = useState<string>();

  async function start(of: GivenCt, by: ChosenModel): Promise<void> {
    const total = of.bytes + (by instanceof File ? by.size : 0);
    setFault(undefined);
    setSent({ done: 0, total });
    try {
      await sendPrediction(of, by, (done) => setSent({ done, total }));
      setCt(undefined);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFault([error.message, error.hint ?? ''].join(' ').trim());
    }
    setSent(undefined);
  }

  return (
    <section class="panel" aria-label={text.title}>
      {fault !== undefined && (
        <p class="stale" role="alert">
          {fault}
        </p>
      )}
      {sent ? (
        <Progress done={sent.done} total={sent.total} label={text.sending(bytes(sent.done), bytes(sent.total))} />
      ) : (
        <>
          <h2>{text.ct}</h2>
          <ChooseCt ct={ct} onCt={setCt} onFault={setFault} />
          <h2>{text.model}</h2>
          {session.role === 'coordinator' ? (
            <CampaignModel onModel={setModel} model={model} />
          ) : (
            <PackageFile onModel={setModel} model={model} />
          )}
          <p class="actions">
            <button
              type="button"
              class="primary"
              disabled={!ct || !model}
              onClick={() => ct && model && void start(ct, model)}
            >
              {text.start}
            </button>
          </p>
        </>
      )}
    </section>
  );
}

interface ModelProps {
  readonly model: ChosenModel | undefined;
  readonly onModel: (model: ChosenModel | undefined) => void;
}

const PACKAGE = -1;

/** The stages of ended campaigns, and a file. */
function CampaignModel(props: ModelProps) {
  const { predict: text } = useTexts();
  const { data } = useResource('models', {}, { every: 60_000 });
  const models = data?.models ?? [];
  const { model } = props;
  const chosen = models.findIndex(
    ({ campaign, stage }) => model && !(model instanceof File) && model.campaign === campaign && model.stage === stage,
  );
  return (
    <div class="model">
      <select
        aria-label={text.model}
        value={chosen}
        onChange={({ currentTarget }) => {
          const found = models[Number(currentTarget.value)];
          props.onModel(found && { campaign: found.campaign, stage: found.stage });
        }}
      >
        <option value={PACKAGE}>{text.package}</option>
        {models.map(({ campaign, stage }, index) => (
          <option key={`${campaign} ${stage}`} value={index}>
            {text.stageOf(campaign, stage)}
          </option>
        ))}
      </select>
      {chosen === PACKAGE && <PackageFile {...props} />}
    </div>
  );
}

function PackageFile({ model, onModel }: ModelProps) {
  const { predict: text } = useTexts();
  const { bytes } = useFormats();
  return (
    <p class="chosen">
      {model instanceof File ? (
        <>
          <strong>{model.name}</strong> <span class="quiet">{bytes(model.size)}</span>{' '}
        </>
      ) : (
        <span class="quiet">{text.packageHint} </span>
      )}
      <FileChoice label={text.choosePackage} accept=".safetensors" onFiles={([first]) => onModel(first?.file)} />
    </p>
  );
}
