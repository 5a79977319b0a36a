import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../client.ts';
import { useTexts } from '../text/language.ts';
import { colourOf, firstColours } from './colours.ts';
import { fetchVolume } from './fetch-volume.ts';
import type { Layer } from './layer.ts';
import type { Scene } from './scene.ts';
import { Swatch } from './swatch.tsx';

/** Class maps that can be laid on the CT, with a legend. `about` says of each where it comes from. */
export function LayerList<L extends Layer>(props: {
  readonly layers: readonly L[];
  readonly scene: Scene | undefined;
  readonly about: (layer: L) => ComponentChildren;
}) {
  const { viewer: text } = useTexts();
  const { layers, scene, about } = props;
  const first = firstColours(layers);
  return (
    <>
      <ul class="layers">
        {layers.map((layer) => (
          <LayerItem key={layer.id} layer={layer} first={first.get(layer.id) ?? 0} scene={scene}>
            {about(layer)}
          </LayerItem>
        ))}
      </ul>
      {layers.some(({ address }) => address !== undefined) && (
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
    </>
  );
}

function LayerItem(props: {
  readonly layer: Layer;
  /** Number of its first colour. */
  readonly first: number;
  readonly scene: Scene | undefined;
  readonly children: ComponentChildren;
}) {
  const { layer, first, scene, children } = props;
  const { id, title, classes, address, isShown } = layer;
  const [isOn, setIsOn] = useState(isShown);
  const [error, setError] = useState<string>();
  useEffect(() => {
    if (!scene || !isOn || address === undefined) return;
    const controller = new AbortController();
    const { signal } = controller;
    const draw = async () => {
      const body = await fetchVolume(address, signal);
      if (!signal.aborted) await scene.show(layer, first, body);
    };
    draw().catch((thrown: unknown) => {
      if (!signal.aborted) setError(thrown instanceof ApiError ? thrown.message : String(thrown));
    });
    return () => {
      controller.abort();
      scene.hide(id);
    };
  }, [scene, isOn, address, id]);
  return (
    <li>
      <label class="layer">
        <input
          type="checkbox"
          checked={address !== undefined && isOn}
          disabled={address === undefined}
          onChange={({ currentTarget }) => setIsOn(currentTarget.checked)}
        />
        <span>
          <strong>{title}</strong> {children}
        </span>
      </label>
      {(isOn || address === undefined) && (
        <ul class="legend">
          {classes.map(({ label, title: name }) => (
            <li key={label}>
              <Swatch colour={colourOf(first, label)} /> {name}
            </li>
          ))}
        </ul>
      )}
      {error !== undefined && <p class="stale">{error}</p>}
    </li>
  );
}
