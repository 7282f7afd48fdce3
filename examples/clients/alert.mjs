// The emulator runs: npx waba-emulator
import { send, validator } from '@hyperjumptech/monika-notification/lib/channel/whatsapp.js';

const url = process.env.EMULATOR_API ?? 'https://localhost:9090';
const channel = { url, username: 'admin', password: 'Emulator-1', recipients: ['16505551234'] };
const { error } = validator.validate(channel);
if (error) throw error;
await send(channel, { body: 'The shop does not answer' });
