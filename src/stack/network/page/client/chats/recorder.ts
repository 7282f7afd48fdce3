const TYPES = ['audio/ogg; codecs=opus', 'audio/webm; codecs=opus', 'audio/mp4'];

/** Records the microphone. @returns what ends the recording, and gives it @throws Error where nothing can be recorded */
export async function startRecording(): Promise<() => Promise<Blob>> {
  const mimeType = globalThis.MediaRecorder && TYPES.find((type) => MediaRecorder.isTypeSupported(type));
  // Browsers give microphones only to pages of this machine, and to pages with TLS.
  if (!navigator.mediaDevices || !mimeType)
    throw new Error('This browser can not record here: open the page as http://localhost, or send a file');
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const recorder = new MediaRecorder(stream, { mimeType });
  const chunks: Blob[] = [];
  recorder.ondataavailable = ({ data }) => chunks.push(data);
  const ended = new Promise<Blob>((resolve) => {
    recorder.onstop = () => resolve(new Blob(chunks, { type: mimeType }));
  });
  recorder.start();
  return () => {
    recorder.stop();
    for (const track of stream.getTracks()) track.stop();
    return ended;
  };
}
