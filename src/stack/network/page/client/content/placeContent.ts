import { element } from '../shell/element.ts';
import { icon } from '../shell/icon.ts';
import { outwardLink } from './textNodes.ts';

export interface Place {
  readonly latitude: number | string;
  readonly longitude: number | string;
  readonly name: string;
  readonly address: string;
}

/** A place: a drawn map, because the page loads nothing from elsewhere, and a link to a real one. */
export function placeNode({ latitude, longitude, name, address }: Partial<Place>): HTMLElement {
  const [lat, lon] = [Number(latitude), Number(longitude)];
  const where = `${lat.toFixed(5)}, ${lon.toFixed(5)}`;
  const map = `https://www.openstreetmap.org/?mlat=${lat}&mlon=${lon}#map=16/${lat}/${lon}`;
  return element(
    'div',
    { className: 'place' },
    element('div', { className: 'map' }, icon('pin')),
    name && element('strong', { textContent: name }),
    address && element('p', { textContent: address }),
    outwardLink(map, where),
  );
}
