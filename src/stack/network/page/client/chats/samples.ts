import audio from '../../samples/audio.mp3';
import pdf from '../../samples/document.pdf';
import photo from '../../samples/photo.jpg';
import sticker from '../../samples/sticker.webp';
import video from '../../samples/video.mp4';
import voice from '../../samples/voice.ogg';
import type { MenuItem } from '../shell/menu.ts';

interface Sample extends Pick<MenuItem, 'label' | 'icon'> {
  readonly message: Readonly<Record<string, unknown>>;
}

const media = (type: string, data: string, mime_type: string, content: object = {}) => ({
  type,
  [type]: content,
  data,
  mime_type,
});

/** A message of every type, each sent by one click. */
export const SAMPLES: readonly Sample[] = [
  {
    label: 'Photo',
    icon: 'image',
    message: media('image', photo, 'image/jpeg', { caption: 'The view from here' }),
  },
  { label: 'Video', icon: 'video', message: media('video', video, 'video/mp4') },
  { label: 'Audio file', icon: 'music', message: media('audio', audio, 'audio/mpeg') },
  { label: 'Voice message', icon: 'voice', message: media('voice', voice, 'audio/ogg; codecs=opus') },
  {
    label: 'Document',
    icon: 'document',
    message: media('document', pdf, 'application/pdf', { filename: 'sample.pdf' }),
  },
  { label: 'Sticker', icon: 'sticker', message: media('sticker', sticker, 'image/webp') },
  {
    label: 'Location',
    icon: 'pin',
    message: {
      type: 'location',
      location: {
        latitude: 52.51629,
        longitude: 13.37771,
        name: 'Brandenburg Gate',
        address: 'Pariser Platz, 10117 Berlin',
      },
    },
  },
  {
    label: 'Contact',
    icon: 'contact',
    message: {
      type: 'contacts',
      contacts: [
        {
          name: { formatted_name: 'Maria Silva', first_name: 'Maria', last_name: 'Silva' },
          phones: [{ phone: '+1 650 555 0199', type: 'CELL', wa_id: '16505550199' }],
          emails: [{ email: 'maria@shop.example', type: 'WORK' }],
        },
      ],
    },
  },
  {
    label: 'Order',
    icon: 'cart',
    message: {
      type: 'order',
      order: {
        catalog_id: 'catalog-1',
        text: 'As soon as you can, please',
        product_items: [{ product_retailer_id: 'sku-1', quantity: 2, item_price: 9.5, currency: 'EUR' }],
      },
    },
  },
  {
    label: 'Message after an ad',
    icon: 'link',
    message: {
      text: 'I saw your ad',
      referral: {
        source_url: 'https://fb.example/ad/1',
        source_type: 'ad',
        source_id: '1',
        headline: 'Our new shoes',
        body: 'Now in all sizes',
      },
    },
  },
  {
    label: 'Type that the client does not know',
    icon: 'code',
    message: { type: 'poll', poll: { name: 'When?' } },
  },
];
