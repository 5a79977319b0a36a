import { useEffect, useState } from 'preact/hooks';
import type { Case, Finding } from '../../api/hospital/case.ts';
import { ApiError } from '../../client.ts';
import { Badge } from '../../parts/badge.tsx';
import { useFormats } from '../../parts/format.ts';
import { useTexts } from '../../text/language.ts';
import { LABEL_TONES } from './case-table.tsx';
import { colourOf, cssOf } from './viewer/colours.ts';
import { fetchVolume } from './viewer/fetch-volume.ts';
import type { Scene } from './viewer/scene.ts';

/** Class maps that can be laid on the CT, with a legend. Labels are shown at first. */
export function Layers({ one, scene }: { readonly one: Case; readonly scene: Scene | undefined }) {
  const { case: text } = useTexts().hospital;
  const { findings, unlisted } = one;
  return (
    <section class="panel">
      <h2>{text.layers}</h2>
      {findings.length === 0 && <p class="quiet">{text.noLayers}</p>}
      <ul class="layers">
        {findings.map((finding, layer) => (
          <Layer key={finding.id} finding={finding} layer={layer} scene={scene} />
        ))}
      </ul>
      {unlisted.length > 0 && <p class="quiet">{text.unlisted}</p>}
      {findings.some(({ volume }) => volume !== undefined) && (
        <label class="choice">
          <span>{text.opacity}</span>
          <input
            type="range"
            min="0"
            max="100"
            defaultValue="60"
            onInput={({ currentTarget }) => scene?.setOpacity(currentTarget.valueAsNumber / 100)}
          />
        </label>
      )}
    </section>
  );
}

function Layer(props: { readonly finding: Finding; readonly layer: number; readonly scene: Scene | undefined }) {
  const { finding, layer, scene } = props;
  const { case: text, cases } = useTexts().hospital;
  const { volume, origin, from, classes, state } = finding;
  const [isOn, setIsOn] = useState(from === 'label');
  const [error, setError] = useState<string>();
  useEffect(() => {
    if (!scene || !isOn || volume === undefined) return;
    const controller = new AbortController();
    const { signal } = controller;
    const draw = async () => {
      const body = await fetchVolume(volume, signal);
      if (!signal.aborted) await scene.show(finding, layer, body);
    };
    draw().catch((thrown: unknown) => {
      if (!signal.aborted) setError(thrown instanceof ApiError ? thrown.message : String(thrown));
    });
    return () => {
      controller.abort();
      scene.hide(finding.id);
    };
  }, [scene, isOn, volume, finding.id]);
  return (
    <li>
      <label class="layer">
        <input
          type="checkbox"
          checked={volume !== undefined && isOn}
          disabled={volume === undefined}
          onChange={({ currentTarget }) => setIsOn(currentTarget.checked)}
        />
        <span>
          <strong>{finding.title}</strong>{' '}
          <span class="quiet">
            {text.from[from]}
            {origin && `: ${text.of(origin.stage, origin.campaign)}`}
            {volume === undefined && ` (${text.pointsOnly})`}
          </span>{' '}
          {state && <Badge tone={LABEL_TONES[state]}>{cases.labelStates[state]}</Badge>}
          <Quality finding={finding} />
        </span>
      </label>
      {isOn && volume !== undefined && (
        <ul class="legend">
          {classes.map(({ label, title }) => (
            <li key={label}>
              <Swatch colour={cssOf(colourOf(layer, label))} /> {title}
            </li>
          ))}
        </ul>
      )}
      {error !== undefined && <p class="stale">{error}</p>}
    </li>
  );
}

function Quality({ finding: { quality } }: { readonly finding: Finding }) {
  const { case: text } = useTexts().hospital;
  const { percent } = useFormats();
  if (!quality) return null;
  return (
    <span class="line">
      <Badge tone={quality.accepted ? 'good' : 'neutral'}>
        {quality.accepted ? text.used : text.unused(quality.failed.join(', '))}
      </Badge>{' '}
      <span class="quiet">{text.confidence(percent(quality.confidence))}</span>
    </span>
  );
}

/** A spot of colour. Drawn as SVG, because the page's policy allows no style attributes. */
const Swatch = ({ colour }: { readonly colour: string }) => (
  <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
    <rect width="10" height="10" rx="2" fill={colour} />
  </svg>
);
