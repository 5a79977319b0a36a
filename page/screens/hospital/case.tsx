import { useState } from 'preact/hooks';
import type { Case } from '../../api/hospital/case.ts';
import { linkTo } from '../../link.ts';
import { Badge } from '../../parts/badge.tsx';
import { Resource } from '../../parts/states.tsx';
import { useResource } from '../../parts/use-resource.ts';
import type { ScreenProps } from '../../screen.ts';
import { useTexts } from '../../text/language.ts';
import { CtPicture } from '../../viewer/ct-picture.tsx';
import type { NamedPoint } from '../../viewer/layer.ts';
import type { Scene } from '../../viewer/scene.ts';
import { CaseFacts } from './case-facts.tsx';
import { TONES } from './case-table.tsx';
import { Faults } from './faults.tsx';
import { Layers, volumeAddress } from './layers.tsx';
import { PointPanels } from './points.tsx';
import './hospital.css';
import './case.css';

/** A case changes when its files are replaced, or a campaign labels it. */
const EVERY = 30_000;

/** A case: the CT with what is known about it. */
export function Screen({ params }: ScreenProps) {
  const { cases, case: text } = useTexts().hospital;
  const id = params.case ?? '';
  const state = useResource('siteCase', { case: id }, { every: EVERY });
  return (
    <>
      <p class="way">
        <a href={linkTo('cases')}>
          <span aria-hidden="true">‹</span> {text.back}
        </a>
      </p>
      <Resource<'siteCase'> state={state}>
        {(one) => (
          <>
            <h1>
              {one.case} <Badge tone={TONES[one.verdict]}>{cases.verdicts[one.verdict]}</Badge>
            </h1>
            <CaseView key={`${one.case} ${one.image?.sha256}`} one={one} />
          </>
        )}
      </Resource>
    </>
  );
}

function CaseView({ one }: { readonly one: Case }) {
  const { case: text } = useTexts().hospital;
  const [scene, setScene] = useState<Scene>();
  const [shown, setShown] = useState<readonly NamedPoint[]>([]);
  return (
    <>
      {one.faults.length > 0 && (
        <section class="panel">
          <Faults faults={one.faults} />
        </section>
      )}
      <div class="on-ct">
        <div>
          {one.image ? (
            <CtPicture address={volumeAddress(one.image.key)} points={shown} onScene={setScene} />
          ) : (
            <p class="stale">{text.noImage}</p>
          )}
          <CaseFacts one={one} />
        </div>
        <div class="on-ct-side">
          <Layers one={one} scene={scene} />
          <PointPanels id={one.case} findings={one.findings} scene={scene} onShow={setShown} />
        </div>
      </div>
      <p class="quiet">{text.purpose}</p>
    </>
  );
}
