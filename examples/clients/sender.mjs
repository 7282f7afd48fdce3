// The emulator runs: npx waba-emulator
import whatsapp from '@hyperjumptech/whatsapp-business-sender';

const API = process.env.EMULATOR_API ?? 'https://localhost:9090';
const { users } = await whatsapp.loginUser(API, { username: 'admin', password: 'Emulator-1' });
const { token } = users[0];
const { contacts } = await whatsapp.checkContacts(API, token, ['+1 (650) 555-1234']);
await whatsapp.sendMessageTemplateText(API, token, {
  phone: contacts[0].wa_id,
  template: {
    namespace: 'shop_ns',
    name: 'order_update',
    language: { policy: 'deterministic', code: 'en' },
    components: [{ type: 'body', parameters: [{ type: 'text', text: '4711' }] }],
  },
});
