/** The control API of the emulator, for tests: `import { EmulatorControl } from 'waba-emulator/control'`. */
export type { ControlCalls } from './controlCalls.ts';
export { ControlError } from './controlError.ts';
export {
  type ApiFault,
  type CallbackRecord,
  CONTROL_DEFAULTS,
  EmulatorControl,
  type EmulatorControlOptions,
  type InboundMessage,
  type PersonChange,
  type RehearsalEvent,
  type RehearsalReport,
  type RequestRecord,
} from './emulatorControl.ts';
