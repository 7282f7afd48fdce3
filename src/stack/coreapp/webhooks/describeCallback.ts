/** What a callback is about, for a log: `status read of gBEG…`, `message ABGG…`. */
export function describeCallback(payload: string): string {
  const content = JSON.parse(payload) as Record<string, { id?: string; status?: string; code?: number }[]>;
  const [name = 'nothing', [first] = []] = Object.entries(content).find(([key]) => key !== 'contacts') ?? [];
  if (name === 'statuses') return `status ${first?.status} of ${first?.id}`;
  if (name === 'messages') return `message ${first?.id}`;
  return name === 'errors' ? `error ${first?.code}` : name;
}
