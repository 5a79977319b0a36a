import type { Case, Finding } from '../../api/hospital/case.ts';
import { ROUTES } from '../../api/routes.ts';
import { urlOf } from '../../client.ts';
import { Badge } from '../../parts/badge.tsx';
import { useFormats } from '../../parts/format.ts';
import { useTitles } from '../../parts/titles.ts';
import { useTexts } from '../../text/language.ts';
import type { Layer } from '../../viewer/layer.ts';
import { LayerList } from '../../viewer/layer-list.tsx';
import type { Scene } from '../../viewer/scene.ts';
import { LABEL_TONES } from './case-table.tsx';

/** Address of a CT or class map of the site's bucket. */
export const volumeAddress = (key: string): string => urlOf(ROUTES.siteVolume.path, {}, { key });

/** Labels, pseudo-labels and predictions of a case. Labels are shown at first. */
export function Layers({ one, scene }: { readonly one: Case; readonly scene: Scene | undefined }) {
  const { hospital, viewer } = useTexts();
  const { case: text } = hospital;
  const { findings, unlisted } = one;
  const titleOf = useTitles();
  const layers = findings.map((finding): Layer & { readonly finding: Finding } => ({
    ...{ finding, id: finding.id, title: titleOf(finding.title) },
    classes: finding.classes.map(({ label, title }) => ({ label, title: titleOf(title) })),
    address: finding.volume === undefined ? undefined : volumeAddress(finding.volume),
    isShown: finding.from === 'label',
  }));
  return (
    <section class="panel">
      <h2>{viewer.layers}</h2>
      {findings.length === 0 && <p class="quiet">{text.noLayers}</p>}
      <LayerList layers={layers} scene={scene} about={({ finding }) => <About finding={finding} />} />
      {unlisted.length > 0 && <p class="quiet">{text.unlisted}</p>}
    </section>
  );
}

function About({ finding }: { readonly finding: Finding }) {
  const { case: text, cases } = useTexts().hospital;
  const { from, origin, volume, state } = finding;
  return (
    <>
      <span class="quiet">
        {text.from[from]}
        {origin && `: ${text.of(origin.stage, origin.campaign)}`}
        {volume === undefined && ` (${text.pointsOnly})`}
      </span>{' '}
      {state && <Badge tone={LABEL_TONES[state]}>{cases.labelStates[state]}</Badge>}
      <Quality finding={finding} />
    </>
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
