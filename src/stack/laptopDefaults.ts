/** What an emulator is without any option. */
export const LAPTOP_DEFAULTS = {
  port: 9090,
  controlPort: 9091,
  cloudWebhookPort: 9092,
  graphPort: 9093,
  host: '127.0.0.1',
  phoneNumber: '+16315551000',
  /** Of admin. Whoever reaches the port may call it: an emulator holds no secrets. */
  password: 'Emulator-1',
} as const;
