import { type Guide, guide, RETRY } from './guide.ts';

const CATALOG = 'Correct the catalog, or the products of the message.';

const about =
  (messageType: Guide['messageType'] & string) =>
  (...given: Parameters<typeof guide>): Guide => ({ ...guide(...given), messageType });
const ofTemplate = about('template');
const ofInteractive = about('interactive');

/** Errors of templates and interactive messages. Source: docs/onprem/api-messaging.md §2.7–2.11, §11. */
export const messageErrorGuide = {
  2000: ofTemplate(
    'The message has another number of variables than the template.',
    'Send as many parameters as the template has.',
    'Set a template with bodyParameters 1, and send it without.',
  ),
  2001: ofTemplate(
    'There is no such template in this language.',
    'Look at name and language; wait for its approval.',
    'Set one template, and send another.',
  ),
  2002: ofTemplate('The template could not be fetched.', RETRY),
  2003: ofTemplate(
    'The servers have no pack of templates to which the template could belong. A wrong namespace has its own code, 1009.',
    'Compare namespace, name and language of the message with the templates of the account.',
  ),
  2004: ofTemplate(
    'A text parameter is longer than its place allows: 60 characters in the header; 1,024 in the body, or 32,768 if the template has nothing but a body.',
    'Shorten the parameter that the details name.',
    `Send a template with the component {"type":"header","parameters":[{"type":"text","text":"${'x'.repeat(61)}"}]}.`,
  ),
  2005: ofTemplate(
    'Each parameter is short enough, but the text of the template with all of them filled in is too long.',
    'Shorten the parameters: the fixed words of the template count too. The vendor names no limit of the whole text.',
  ),
  2006: ofTemplate(
    'A text parameter of the body has a line break, a tab or a run of spaces. The emulator takes four spaces in a row.',
    'Replace line breaks, tabs and runs of spaces by single spaces; what needs lines of its own needs a template with more variables.',
    String.raw`Send a template with the component {"type":"body","parameters":[{"type":"text","text":"a\nb"}]}.`,
  ),
  2007: ofTemplate(
    'A parameter has characters that format text, in a place where the template does not allow them. The vendor does not list the characters.',
    'Send plain words, without marks such as those for bold, italic or code.',
  ),
  2008: ofTemplate(
    'The header has media of a kind or format that templates do not take. A header takes an image, a video or a document without caption, and a document must be a PDF.',
    'Send a JPEG or PNG, an MP4 or 3GPP, or a PDF, by the parameter type that the template was made with.',
  ),
  2009: ofTemplate(
    'The template has a part to be filled in, and the message has no component for it.',
    'Add a component for each part with variables: header, body, and each button with sub_type and index.',
  ),
  2010: ofTemplate(
    'The URL of a button is not valid: the template fixes its beginning, and the text parameter of the button is appended.',
    'Send only what is appended, for example orders/12 and not the whole URL, and percent-encode it.',
  ),
  2011: ofTemplate(
    'A button of the template calls a phone number that is not valid.',
    'Correct the number in the template, with + and the country code: no parameter of a message sets it.',
  ),
  2012: ofTemplate(
    'A parameter does not have the content that its type asks for.',
    'Name the content as the type: text, currency (code, amount_1000, fallback_value), date_time (fallback_value), image, video, document or payload. In hsm, the code is called currency_code.',
    'Send a template with the component {"type":"body","parameters":[{"type":"text"}]}.',
  ),
  2013: ofTemplate(
    'The message fills in buttons that the template does not take.',
    'Leave the components of type button out, or give each the sub_type (quick_reply, url or catalog) and the index of a button that the template has.',
  ),
  2014: ofTemplate(
    'The message says no namespace. Here each template message names that of its account, unlike in the Cloud API. A missing parameter is 1008, a wrong namespace 1009.',
    'Send the namespace of the account in template.namespace or hsm.namespace.',
  ),
  2015: ofInteractive('A list has no section, or more than ten.', 'Send one to ten sections.'),
  2016: ofInteractive('A list has no row, or more than ten in all.', 'Send one to ten rows.'),
  2017: guide('A text holds characters that are not allowed here.', 'Remove markdown, new lines or emojis.'),
  2023: ofInteractive('A message has no product, or more than 30.', 'Send one to thirty products.'),
  2024: ofInteractive(
    'There is no catalog of this id.',
    CATALOG,
    'Set a catalog, and send a product of another one.',
  ),
  2025: ofInteractive(
    'No catalog is linked to the number.',
    CATALOG,
    'Set a catalog with catalogId null, and send a product.',
  ),
  2026: ofInteractive(
    'Some products are missing; the message arrives without them.',
    CATALOG,
    'Send a list with one product of the catalog and another one.',
  ),
  2027: ofInteractive(
    'None of the products exists.',
    CATALOG,
    'Set a catalog without products, and send one.',
  ),
  2028: ofInteractive(
    'None of the products complies with the rules of commerce.',
    CATALOG,
    'Set a product non_compliant, and send it.',
  ),
  2029: ofInteractive(
    'Some products do not comply; the message arrives without them.',
    CATALOG,
    'Send a list with one product that is non_compliant and another one.',
  ),
  2030: ofInteractive(
    'All products are missing or do not comply.',
    CATALOG,
    'Send a list with one missing product and one that is non_compliant.',
  ),
  2036: ofInteractive(
    'The header does not have the content that its type asks for, or the message takes no header of this type: lists and product lists take text only, a single product no header.',
    'Name the content as the type: text, image, video or document. Send pictures, videos and documents above reply buttons.',
    'Send a list with the header {"type":"image","image":{"link":"https://shop.example/shop.png"}}.',
  ),
  2050: guide(
    'The business has not given its compliance information.',
    'POST /v1/settings/business/compliance_info.',
  ),
  2060: ofTemplate(
    'The template was rejected at its review.',
    'Correct the template, and send another meanwhile.',
    'Set a template with the status rejected, and send it.',
  ),
  2061: ofTemplate(
    'The template is paused because of its quality.',
    'Send another template until the pause is over.',
    'Set a template with the status paused, and send it.',
  ),
  2062: ofTemplate(
    'The template was disabled because of its quality.',
    'Send another template.',
    'Set a template with the status disabled, and send it.',
  ),
  2068: ofInteractive(
    'The flow that flow_id or flow_name names is blocked: WhatsApp sends no message that opens it.',
    'Send buttons or a list meanwhile. The message is sound: correct the flow, and send it once the block is lifted.',
  ),
  2069: ofInteractive('The flow is throttled.', 'Wait, and correct the flow.'),
} as const satisfies Readonly<Record<number, Guide>>;
