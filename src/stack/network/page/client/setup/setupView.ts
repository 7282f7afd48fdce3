import type { Model } from '../model.ts';
import { emptyState, iconButton } from '../shell/controls.ts';
import { byId, element } from '../shell/element.ts';
import { icon } from '../shell/icon.ts';
import { guarded } from '../shell/notices.ts';
import { addressOf, go, type View } from '../shell/router.ts';
import { apiFaultSetup } from './apiFaultSetup.ts';
import { catalogSetup } from './catalogSetup.ts';
import { clockSetup } from './clockSetup.ts';
import { connectionSetup } from './connectionSetup.ts';
import { limitSetup } from './limitSetup.ts';
import { recordingSetup } from './recordingSetup.ts';
import type { SetupSection } from './setupSection.ts';
import { stateSetup } from './stateSetup.ts';
import { templateSetup } from './templateSetup.ts';

/** How the simulated WhatsApp behaves: `#/setup/templates`. */
export function setupView(model: Model): View {
  const sections: Readonly<Record<string, SetupSection>> = {
    templates: templateSetup(model),
    catalog: catalogSetup(model),
    limits: limitSetup(model),
    connection: connectionSetup(model),
    'api-faults': apiFaultSetup,
    clock: clockSetup,
    recording: recordingSetup(model),
    snapshots: stateSetup,
  };
  const root = byId('setup', HTMLElement);
  const list = element('ul', { className: 'setup-list' }, ...Object.entries(sections).map(sectionLink));
  const content = element('div', { className: 'detail scroll' });
  root.replaceChildren(
    element(
      'div',
      { className: 'pane list' },
      element('header', {}, element('h2', { textContent: 'Setup' })),
      list,
    ),
    element('div', { className: 'pane main' }, content),
  );
  let chosen = '';
  let shown = '';
  const refresh = async () => {
    const asked = chosen;
    const name = sections[asked] ? asked : 'templates';
    const section = sections[name];
    if (!section) return;
    const isMissing = section.isOfNumber && model.number === '';
    const loaded = isMissing ? undefined : await section.load();
    const drawn = JSON.stringify([name, model.number, loaded]);
    const isTyping = content.querySelector(':is(input, select):focus') && shown.startsWith(`["${name}"`);
    if (drawn === shown || isTyping || asked !== chosen) return;
    shown = drawn;
    const back = iconButton('back', 'Back to all of the setup', () => go('setup'));
    back.classList.add('back');
    content.replaceChildren(
      back,
      element('header', {}, element('h2', { textContent: section.title })),
      element('p', { className: 'about', textContent: section.about }),
      ...(isMissing ? [noNumber()] : section.draw(loaded)),
    );
  };
  return {
    refresh,
    show: guarded(async ([name = '']: readonly string[]) => {
      chosen = name;
      root.dataset.pane = sections[name] ? 'detail' : 'list';
      for (const link of list.querySelectorAll('a'))
        link.ariaCurrent = String(link.hash === addressOf('setup', sections[name] ? name : 'templates'));
      await refresh();
    }),
  };
}

const noNumber = (): HTMLElement =>
  emptyState(
    'person',
    'No number is registered yet',
    'Register one with POST /v1/account, or let the operator do it. The code that it waits for is shown above.',
  );

const sectionLink = ([name, { title, icon: drawing }]: [string, SetupSection]): HTMLElement =>
  element('li', {}, element('a', { href: addressOf('setup', name) }, icon(drawing), title));
