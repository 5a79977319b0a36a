/** The English texts of measurements, and of what makes them doubtful. */
export const measuredEn = {
  /** Titles of the default tasks and of their classes, by what a task calls them. Others are shown as they are. */
  titles: {} as Readonly<Record<string, string>>,
  names: {
    'annulus-diameter': 'Annulus diameter',
    'coronary-height-right': 'Height of the right coronary ostium',
    'coronary-height-left': 'Height of the left coronary ostium',
    'septum-length': 'Length of the membranous septum',
    'calcification-volume': 'Calcification, volume',
  } as Readonly<Record<string, string>>,
  confidence: (found: string, least: string) => `confidence: ${found} of at least ${least}`,
  component: (point: string, share: string, least: string) =>
    `largest component of ${point}: ${share} of its voxels, expected at least ${least}`,
  outside: (value: string, low: string, high: string) => `${value} of ${low} to ${high}`,
  distance: (from: string, to: string, range: string) => `distance ${from} to ${to}: ${range}`,
  volume: (classes: string, range: string) => `volume of ${classes}: ${range}`,
  below: 'the ostium lies below the plane of the annulus',
  line: 'the three hinge points lie nearly on one line',
  notFound: (points: string) => `not found: ${points}`,
};
