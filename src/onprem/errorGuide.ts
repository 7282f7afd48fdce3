import type { AsynchronousErrorCode, ErrorCode } from './errorCatalogue.ts';
import { type Guide, guide, RETRY } from './guide.ts';
import { messageErrorGuide } from './messageErrorGuide.ts';

const CERTIFICATE = 'Register the number again with the right certificate.';

/** Cause and cure of each code that the API and its webhooks use. Source: docs/onprem/api-admin.md §17, docs/onprem/api-messaging.md §11. */
export const errorGuide: Readonly<Record<ErrorCode | AsynchronousErrorCode, Guide>> = {
  400: guide(
    'Media of the message could not be fetched: the link, the id or the media provider.',
    'Open the link from where the stack runs, and look at the credentials of the media provider.',
    'Send an image with a link that answers 404.',
  ),
  402: guide('The business account can not be billed.', 'Correct the payment method of the account.'),
  408: guide('The servers found the message not valid.', 'Correct the content of the message.'),
  410: guide(
    'The message was not delivered within its time to live.',
    'Send it again if it still matters.',
    'Send a template with ttl 1 to a person whose deliverAfterMs is longer, and move the clock by a day.',
  ),
  429: guide('The servers limit the rate of messages.', RETRY),
  430: guide('The certificate of the verified name is not signed.', CERTIFICATE),
  432: guide('The certificate of the verified name belongs to another id.', CERTIFICATE),
  433: guide('The signature of the certificate of the verified name is wrong.', CERTIFICATE),
  470: guide(
    'More than 24 hours have passed since the person wrote, so only templates reach them.',
    'Send a template, or wait until the person writes.',
    'Send a text to somebody who never wrote, or move the clock by 25 hours.',
  ),
  471: guide(
    'The number has begun as many conversations as its messaging tier allows, or was reported as spam.',
    'Wait for the next day, or raise quality and tier.',
    'Set the tier 250 and begin 251 conversations.',
  ),
  472: guide(
    "The person's number is part of an experiment of WhatsApp.",
    'Do not send this message again to them.',
  ),
  480: guide(
    'The person may have another identity than the one that is known.',
    'Check the identity of the contact, and acknowledge it.',
  ),
  500: guide('The servers failed.', RETRY),
  501: guide(
    'The client does not know a type of message that a person sent.',
    'Ignore the message, or ask the person to write it in another way.',
    'Let a person write a message of a made-up type.',
  ),
  1000: guide(
    'Something failed that has no code of its own.',
    'Read the details and the log of the Coreapp.',
  ),
  1001: guide(
    'A text is longer than the API takes.',
    'Send at most 4,096 characters.',
    'Send a text of 4,097 characters.',
  ),
  1002: guide(
    'recipient_type is none that the API knows.',
    'Leave it out, or write individual.',
    'Send a message with recipient_type group.',
  ),
  1004: guide('Something of this name is there already.', 'Choose another name, or change what is there.'),
  1005: guide(
    'The caller lacks a right, or registration, certificate, folder or age of the build forbid the call.',
    'Read the details: they name which.',
    'Call an endpoint for administrators as another user.',
  ),
  1006: guide(
    'There is nothing of this id or name.',
    'Look at the id; media is deleted after 30 days without use.',
    'GET /v1/media with an id that nobody has.',
  ),
  1008: guide(
    'A parameter is missing.',
    'Add the parameter that the details name.',
    'Send {"type":"text"} without to.',
  ),
  1009: guide(
    'A parameter has a value or a type that the API does not take.',
    'Correct the parameter that the details name.',
    'Send a message to "abc".',
  ),
  1010: guide(
    'A parameter is not allowed here.',
    'Leave out the parameter that the details name.',
    'PATCH /v1/settings/application with a made-up field.',
  ),
  1011: guide(
    'The stack is not ready: the node starts, or the number is not registered.',
    RETRY,
    'Call the API of a stack that is not registered.',
  ),
  1013: guide(
    'The recipient has no WhatsApp account.',
    'Check the number; do not send to it again.',
    'Set hasWhatsApp false for a person.',
  ),
  1014: guide(
    'The stack failed, or the endpoint does not exist.',
    'Look at method and path; then at the log.',
    'Call an endpoint that does not exist.',
  ),
  1015: guide(
    'More calls came than the rate limit allows.',
    'Wait a second, and send fewer calls at once.',
    'Send 100 calls at once without --no-rate-limits.',
  ),
  1016: guide(
    'Too many messages or callbacks wait in the stack.',
    'Wait until the queue is shorter; look whether the webhook answers.',
  ),
  1017: guide('The node that got the call is not the primary Master; another one is being chosen.', RETRY),
  1018: guide(
    'The Coreapp that owns the shard of the recipient is not there; another one takes over.',
    RETRY,
  ),
  1021: guide(
    'The recipient can not get this message, for example because it is the own number.',
    'Send to another number.',
    'Send a message to the number of the business itself.',
  ),
  1022: guide('A call needs a webhook, and there is none.', 'Set webhooks.url in the application settings.'),
  1023: guide('The database does not answer.', RETRY),
  1024: guide(
    'The user still has the first password.',
    'Log in with new_password.',
    'Log in as admin with the password secret on a new stack.',
  ),
  1025: guide(
    'The body is no JSON object, is too large, or breaks off.',
    'Send a JSON object; an upload has at most 100 MB.',
    'Send the body {.',
  ),
  1026: guide(
    "The person's app can not show this message.",
    'Send a text instead.',
    'Set oldApp for a person, and send a template.',
  ),
  1028: guide(
    'The person has a new identity, which the business has to acknowledge first.',
    'GET the identity of the contact, and acknowledge its hash with PUT.',
    'Switch show_security_notifications on, and give a person a new phone.',
  ),
  1031: guide('The account of the business is locked.', 'Ask the support of WhatsApp.'),
  ...messageErrorGuide,
};
