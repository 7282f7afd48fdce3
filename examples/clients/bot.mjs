// The emulator runs: npx waba-emulator --webhook http://localhost:3000/webhook
import { createServer } from 'node:http';
import { send } from '@hyperjumptech/monika-notification/lib/channel/whatsapp.js';
import botbuilder from 'botbuilder-waba';

const url = process.env.EMULATOR_API ?? 'https://localhost:9090';
const adapter = new botbuilder.BotFrameworkAdapter({});

/** The activity is the body of the webhook. */
async function answer({ activity }) {
  for (const { from, type, text } of activity.messages ?? []) {
    const channel = { url, username: 'admin', password: 'Emulator-1', recipients: [from] };
    await send(channel, { body: type === 'text' ? `You wrote: ${text.body}` : `You sent: ${type}` });
  }
}

createServer((request, response) => {
  // The adapter calls the response as in Express.
  response.status = (code) => Object.assign(response, { statusCode: code });
  response.send = (text) => response.write(text);
  adapter.processActivity(request, response, answer);
}).listen(process.env.PORT ?? 3000);
