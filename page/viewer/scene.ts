import { MULTIPLANAR_TYPE, NVImage, SHOW_RENDER, SLICE_TYPE } from '@niivue/niivue';
import { colourOf } from './colours.ts';
import type { Layer, NamedPoint } from './layer.ts';
import { StrictNiivue } from './strict-niivue.ts';

export type View = 'all' | 'axial' | 'coronal' | 'sagittal' | 'volume';

const SLICES: Readonly<Record<View, SLICE_TYPE>> = {
  all: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  volume: SLICE_TYPE.RENDER,
};

/** Where the crosshair is: world (RAS), mm, and the value of the CT there, HU. */
export interface Place {
  readonly mm: readonly [number, number, number];
  readonly hu: number | undefined;
}

/** A drawn CT with its layers. Coordinates are world (RAS), mm. */
export interface Scene {
  /** Lowest and highest value of the CT, HU. */
  readonly range: readonly [low: number, high: number];
  setWindow(low: number, high: number): void;
  setView(view: View): void;
  setOpacity(opacity: number): void;
  /** Draws a class map on the CT; the second number of `colourOf` is the class. */
  show(layer: Layer, index: number, body: ArrayBuffer): Promise<void>;
  hide(id: string): void;
  setPoints(points: readonly NamedPoint[]): void;
  goTo(mm: readonly [number, number, number]): void;
  /** Moves by voxels: to the right, forward, up. */
  move(x: number, y: number, z: number): void;
  close(): void;
}

/** CSS pixels of a picture with names in it. */
const WIDE = 640;

/** @throws Error for a file that cannot be drawn, which intake does not accept */
export async function openScene(
  canvas: HTMLCanvasElement,
  ct: ArrayBuffer,
  window: readonly [number, number],
  onPlace: (place: Place) => void,
): Promise<Scene> {
  const nv = new StrictNiivue({
    backColor: [0.05, 0.07, 0.08, 1],
    crosshairColor: [0.42, 0.78, 0.9, 0.7],
    crosshairWidth: 0.6,
    crosshairWidthUnit: 'mm',
    show3Dcrosshair: true,
    isColorbar: false,
    multiplanarShowRender: SHOW_RENDER.ALWAYS,
    multiplanarLayout: MULTIPLANAR_TYPE.GRID,
    multiplanarEqualSize: true,
    // Beside the planes there is room for names on a wide picture only; the list of landmarks has them anyway.
    showLegend: canvas.clientWidth >= WIDE,
    dragAndDropEnabled: false,
    // A landmark is drawn in the planes next to it only.
    meshThicknessOn2D: 4,
    // The pointer scrolls the page unless the picture has the focus.
    scrollRequiresFocus: true,
    logLevel: 'silent',
  });
  await nv.attachToCanvas(canvas, true);
  nv.onLocationChange = (given) => onPlace(placeOf(given));
  const image = await imageOf(ct);
  image.colormap = 'gray';
  // Before the CT is given to the graphics card, which takes seconds where there is none: once is enough.
  [image.cal_min, image.cal_max] = window;
  nv.addVolume(image);
  const setWindow = (low: number, high: number) => {
    [image.cal_min, image.cal_max] = [low, high];
    nv.updateGLVolume();
  };
  nv.setSliceType(SLICES.all);
  const layers = new Map<string, NVImage>();
  let opacity = 0.6;
  let connectome: ReturnType<typeof nv.loadConnectomeAsMesh> | undefined;
  nv.createOnLocationChange();

  return {
    range: [image.global_min ?? window[0], image.global_max ?? window[1]],
    setWindow,
    setView: (view) => nv.setSliceType(SLICES[view]),
    setOpacity(next) {
      opacity = next;
      for (const layer of layers.values()) layer.opacity = opacity;
      nv.updateGLVolume();
    },
    async show(layer, index, body) {
      if (layers.has(layer.id)) return;
      const map = await imageOf(body);
      map.setColormapLabel(tableOf(layer, index));
      map.opacity = opacity;
      layers.set(layer.id, map);
      nv.addVolume(map);
    },
    hide(id) {
      const map = layers.get(id);
      if (!map) return;
      layers.delete(id);
      nv.removeVolume(map);
    },
    setPoints(points) {
      if (connectome) nv.removeMesh(connectome);
      connectome = undefined;
      if (points.length === 0) return nv.drawScene() as undefined;
      connectome = nv.loadConnectomeAsMesh(connectomeOf(points));
      nv.addMesh(connectome);
    },
    goTo(mm) {
      nv.scene.crosshairPos = nv.mm2frac([...mm]);
      nv.createOnLocationChange();
      nv.drawScene();
    },
    move: (x, y, z) => nv.moveCrosshairInVox(x, y, z),
    close: () => {
      nv.cleanup();
      nv.gl.getExtension('WEBGL_lose_context')?.loseContext();
    },
  };
}

/** A volume from its file. The name tells the format; the address is never asked. */
function imageOf(buffer: ArrayBuffer): Promise<NVImage> {
  const [first, second] = new Uint8Array(buffer.slice(0, 2));
  const name = first === 0x1f && second === 0x8b ? 'volume.nii.gz' : 'volume.nii';
  return NVImage.loadFromUrl({ url: name, name, buffer });
}

function placeOf(given: unknown): Place {
  const { mm, values } = given as {
    readonly mm: ArrayLike<number>;
    readonly values: readonly { readonly value: number }[];
  };
  return { mm: [mm[0] ?? 0, mm[1] ?? 0, mm[2] ?? 0], hu: values[0]?.value };
}

/** Colours by the number of the class; 0 is transparent. */
function tableOf({ classes }: Layer, layer: number) {
  const labels = [0, ...classes.map(({ label }) => label)];
  const colours = labels.map((label) => (label === 0 ? ([0, 0, 0] as const) : colourOf(layer, label)));
  return {
    R: colours.map(([red]) => red),
    G: colours.map(([, green]) => green),
    B: colours.map(([, , blue]) => blue),
    A: labels.map((label) => (label === 0 ? 0 : 255)),
    I: labels,
    labels: ['', ...classes.map(({ title }) => title)],
  };
}

/** Points as spheres of 2 mm with their names. */
const connectomeOf = (points: readonly NamedPoint[]) => ({
  name: 'landmarks',
  nodeColormap: 'warm',
  nodeColormapNegative: 'winter',
  nodeMinColor: 0,
  nodeMaxColor: 1,
  nodeScale: 2,
  edgeColormap: 'warm',
  edgeColormapNegative: 'winter',
  edgeMin: 0,
  edgeMax: 1,
  edgeScale: 0,
  showLegend: true,
  legendLineThickness: 1,
  nodes: points.map(({ title, position: [x, y, z] }) => ({ name: title, x, y, z, colorValue: 1, sizeValue: 1 })),
  edges: [],
});
