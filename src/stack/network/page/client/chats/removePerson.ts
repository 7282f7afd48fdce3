import { call } from '../shell/call.ts';
import { openForm } from '../shell/dialog.ts';
import { element } from '../shell/element.ts';
import { notice } from '../shell/notices.ts';
import { go } from '../shell/router.ts';

/** Forgets somebody and their chats, once that is confirmed. */
export const askRemovePerson = (waId: string, name: string): void =>
  openForm(
    {
      title: `Delete ${name}?`,
      submit: 'Delete',
      onSubmit: async () => {
        await call('DELETE /people/{waId}', { params: { waId } });
        go('chats');
        notice(`${name} and their chats are gone`);
      },
    },
    element('p', {
      textContent:
        'Their chats with every number go too, and messages on their way to them get no further status. Whoever writes from this number later is somebody new.',
    }),
  );
