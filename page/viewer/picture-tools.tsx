import { useState } from 'preact/hooks';
import { Choice } from '../parts/choice.tsx';
import { useTexts } from '../text/language.ts';
import type { Scene, View } from './scene.ts';
import { WINDOW_NAMES, type WindowName, windowOf } from './windows.ts';

const VIEWS: readonly View[] = ['all', 'axial', 'coronal', 'sagittal', 'volume'];

/** The window, with its values, and what is drawn. */
export function PictureTools({ scene }: { readonly scene: Scene | undefined }) {
  const { viewer: text } = useTexts();
  const [window, setWindow] = useState<WindowName>('heart');
  const [view, setView] = useState<View>('all');
  const titleOf = (name: WindowName) => {
    const values = windowOf(name, scene?.range);
    const title = text.windows[name];
    return values ? `${title} (${text.hu(values[0].toFixed(0), values[1].toFixed(0))})` : title;
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
          const values = windowOf(name, scene?.range);
          if (values) scene?.setWindow(...values);
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
