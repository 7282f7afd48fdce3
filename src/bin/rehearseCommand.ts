import { type Command, Option } from 'commander';
import { CodedError } from '../base/codedError.ts';
import { EXIT_CODES } from '../cli/exitCodes.ts';
import { isData, printData } from '../cli/output.ts';
import { GRAPH_VERSION } from '../cloud/graphVersions.ts';
import { CONTROL_DEFAULTS, ControlError, EmulatorControl, type RehearsalReport } from '../control/index.ts';
import { DEFAULT_APP_SECRET } from '../stack/graph/graph.ts';
import { stop, whileTraced } from './emulatorProcess.ts';
import { type LaptopAbout, type LaptopFlags, runLaptop, withLaptopOptions } from './laptopCommand.ts';
import { isAllReady, rehearsalMarkdown, rehearsalText } from './rehearsalText.ts';

/** The laptop with both APIs, for a team that moves from `/v1` to the Cloud API, and the report of what it has seen. */
export function addRehearseCommand(program: Command): void {
  const rehearse = program
    .command('rehearse')
    .description('runs the laptop to rehearse a move to the Cloud API: each event of /v1 in both shapes');
  withLaptopOptions(rehearse).action((options: LaptopFlags) =>
    whileTraced('waba-emulator', () => {
      requireBoth(options);
      return runLaptop(options, guide, { rehearsal: true });
    }),
  );
  rehearse
    .command('report')
    .description('what a running rehearsal has seen: ready, differs, has no counterpart, and what to do')
    .option('--url <url>', 'of the control port', CONTROL_DEFAULTS.url)
    .addOption(new Option('--token <token>', 'of the control port').env('WABA_CONTROL_TOKEN'))
    .addOption(
      new Option('-o, --output <format>', 'output format')
        .choices(['text', 'json', 'yaml', 'markdown'])
        .default('text'),
    )
    .option(
      '--exit-code',
      `exit with ${EXIT_CODES.NOT_READY.code} unless something was seen and all of it is ready`,
    )
    .action(report);
}

/** @throws CodedError `NoCloudApi` */
function requireBoth({ graph, cloud }: LaptopFlags): void {
  if (cloud !== undefined)
    throw new CodedError('NoCloudApi', '--cloud: a rehearsal simulates the Cloud API; leave this option out');
  // Commander makes an empty text of a value that is undefined.
  if (!graph)
    throw new CodedError(
      'NoCloudApi',
      '--graph off: a rehearsal needs the simulated Cloud API; use --graph both',
    );
}

async function report(options: {
  url: string;
  token?: string;
  output: string;
  exitCode?: boolean;
}): Promise<void> {
  const { url, token, output } = options;
  const seen = await new EmulatorControl({ url, token }).rehearsal(stop).catch((cause: unknown) => {
    if (cause instanceof ControlError) throw new CodedError('Refused', cause.message, { cause });
    throw new CodedError(
      'Unreachable',
      `no emulator answers at ${url}: start it with \`waba-emulator rehearse\`, or name another one with --url`,
      { cause },
    );
  });
  if (isData(output)) printData(process, output, seen);
  else process.stdout.write(textOf(seen, output));
  if (options.exitCode && !isAllReady(seen)) process.exitCode = EXIT_CODES.NOT_READY.code;
}

const textOf = (seen: RehearsalReport, output: string): string =>
  output === 'markdown' ? rehearsalMarkdown(seen) : rehearsalText(seen);

/** What to do when it runs. */
function guide(about: LaptopAbout): string {
  const {
    url,
    controlUrl = '',
    graphUrl,
    phoneNumberId,
    businessAccountId,
    username,
    password,
    caFile,
    number,
  } = about;
  const digits = number.replace('+', '');
  const json = "-H 'content-type: application/json'";
  const bearer = "-H 'authorization: Bearer any'";
  return `
Rehearsal of a move from /v1 to the Cloud API, number ${number}

  /v1        ${url}   (user ${username}, password ${password}, CA ${caFile})
  Cloud API  ${graphUrl}/${GRAPH_VERSION}   (simulated; any token; app secret ${DEFAULT_APP_SECRET})
             phone number id ${phoneNumberId}, business account id ${businessAccountId}
  page       ${controlUrl}/#/rehearsal

1. Point your application at /v1, and its webhook with --webhook URL. Let a customer write, and answer:

  curl -X POST ${controlUrl}/numbers/${digits}/messages ${json} -d '{"from":"16505551234","text":"Hi"}'

2. See each call and callback in both shapes on the page, and all of it in short:

  waba-emulator rehearse report${controlUrl === CONTROL_DEFAULTS.url ? '' : ` --url ${controlUrl}`}

3. Point your new client at the Cloud API. Each call is checked, and compared with what your call of /v1 becomes:

  curl -X POST ${graphUrl}/${GRAPH_VERSION}/${phoneNumberId}/messages ${bearer} ${json} -d '{"messaging_product":"whatsapp","to":"+16505551234","type":"text","text":{"body":"Hello"}}'

4. Point its webhook here, too: the endpoint has to answer with hub.challenge.

  curl -X POST ${graphUrl}/${GRAPH_VERSION}/${businessAccountId}/subscribed_apps ${bearer} ${json} -d '{"override_callback_uri":"http://localhost:3000/hook","verify_token":"mine"}'

Ctrl-C stops it.
`;
}
