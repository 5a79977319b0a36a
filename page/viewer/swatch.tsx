import { type Colour, cssOf } from './colours.ts';

/** A spot of colour. Drawn as SVG, because the page's policy allows no style attributes. */
export const Swatch = ({ colour }: { readonly colour: Colour }) => (
  <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
    <rect width="10" height="10" rx="2" fill={cssOf(colour)} />
  </svg>
);
