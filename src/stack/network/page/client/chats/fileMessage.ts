const base64Of = (blob: Blob): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(',')[1] ?? '');
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });

const KINDS = ['image', 'video', 'audio'];

/** A file as the message that a phone makes of it. */
export async function fileMessage(file: File, caption: string): Promise<Record<string, unknown>> {
  const general = file.type.split('/')[0] ?? '';
  const type = KINDS.includes(general) ? general : 'document';
  const content = {
    ...(type === 'document' ? { filename: file.name } : {}),
    ...(caption && type !== 'audio' ? { caption } : {}),
  };
  const mime_type = file.type || 'application/octet-stream';
  return { type, [type]: content, data: await base64Of(file), mime_type };
}

export const voiceMessage = async (recording: Blob): Promise<Record<string, unknown>> => ({
  type: 'voice',
  voice: {},
  data: await base64Of(recording),
  mime_type: recording.type,
});
