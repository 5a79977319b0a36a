import { MULTIPLANAR_TYPE, NVImage, SHOW_RENDER, SLICE_TYPE } from '@niivue/niivue';
import { COLOURS, type Colour, colourOf } from './colours.ts';
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
  /** Draws a class map on the CT, whose classes have colours from the `first` on. */
  show(layer: Layer, first: number, body: ArrayBuffer): Promise<void>;
  hide(id: string): void;
  setPoints(points: readonly NamedPoint[]): void;
  goTo(mm: readonly [number, number, number]): void;
  /** Moves by voxels: to the right, forward, up. */
  move(x: number, y: number, z: number): void;
  close(): void;
}

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
    // Names would take a quarter of the picture. The list of landmarks has them, with the same colours.
    showLegend: false,
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
  nv.addColormap(CLASS_COLOURS, classColours());
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
    async show(layer, first, body) {
      if (layers.has(layer.id)) return;
      const map = await imageOf(body);
      map.setColormapLabel(tableOf(layer, first));
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
function tableOf({ classes }: Layer, first: number) {
  const labels = [0, ...classes.map(({ label }) => label)];
  const colours = labels.map((label) => (label === 0 ? ([0, 0, 0] as const) : colourOf(first, label)));
  return {
    R: colours.map(([red]) => red),
    G: colours.map(([, green]) => green),
    B: colours.map(([, , blue]) => blue),
    A: labels.map((label) => (label === 0 ? 0 : 255)),
    I: labels,
    labels: ['', ...classes.map(({ title }) => title)],
  };
}

/** NiiVue's name of the colours of landmarks, and where in it each is: a colour map has 256 places, between which it mixes. */
const CLASS_COLOURS = 'fedcardio-classes';
const STEP = Math.floor(255 / COLOURS.length);
const placeOfColour = (colour: Colour): number => Math.max(0, COLOURS.indexOf(colour)) * STEP;

function classColours() {
  const last = COLOURS[COLOURS.length - 1] as Colour;
  const colours = [...COLOURS, last];
  return {
    R: colours.map(([red]) => red),
    G: colours.map(([, green]) => green),
    B: colours.map(([, , blue]) => blue),
    A: colours.map(() => 255),
    I: [...COLOURS.map(placeOfColour), 255],
    min: 0,
    max: 255,
  };
}

/** Points as spheres of 2 mm in their colours. */
const connectomeOf = (points: readonly NamedPoint[]) => ({
  name: 'landmarks',
  nodeColormap: CLASS_COLOURS,
  nodeColormapNegative: CLASS_COLOURS,
  nodeMinColor: 0,
  nodeMaxColor: 255,
  nodeScale: 2,
  edgeColormap: 'warm',
  edgeColormapNegative: 'winter',
  edgeMin: 0,
  edgeMax: 1,
  edgeScale: 0,
  showLegend: false,
  nodes: points.map(({ title, colour, position: [x, y, z] }) => {
    return { name: title, x, y, z, colorValue: placeOfColour(colour), sizeValue: 1 };
  }),
  edges: [],
});
