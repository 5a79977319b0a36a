import { useState } from 'preact/hooks';
import type { Case } from '../../api/hospital/case.ts';
import { useTexts } from '../../text/language.ts';
import { Choice } from './choice.tsx';
import type { Scene, View } from './viewer/scene.ts';
import { WINDOW_NAMES, type WindowName, windowOf } from './viewer/windows.ts';

const VIEWS: readonly View[] = ['all', 'axial', 'coronal', 'sagittal', 'volume'];

/** The window, with its values, and what is drawn. */
export function PictureTools(props: { readonly scene: Scene | undefined; readonly image: NonNullable<Case['image']> }) {
  const { case: text } = useTexts().hospital;
  const { scene, image } = props;
  const [window, setWindow] = useState<WindowName>('heart');
  const [view, setView] = useState<View>('all');
  const titleOf = (name: WindowName) => {
    const [low, high] = windowOf(name, image.range);
    return `${text.windows[name]} (${text.hu(low.toFixed(0), high.toFixed(0))})`;
  };
  return (
    <div class="filters">
      <Choice
        label={text.window}
        options={WINDOW_NAMES.map((name) => [name, titleOf(name)])}
        value={window}
        onChoose={(chosen) => {
          const name = WINDOW_NAMES.find((one) => one === chosen) ?? 'heart';
          setWindow(name);
          scene?.setWindow(...windowOf(name, image.range));
        }}
      />
      <Choice
        label={text.view}
        options={VIEWS.map((one) => [one, text.views[one]])}
        value={view}
        onChoose={(chosen) => {
          const one = VIEWS.find((known) => known === chosen) ?? 'all';
          setView(one);
          scene?.setView(one);
        }}
      />
    </div>
  );
}
