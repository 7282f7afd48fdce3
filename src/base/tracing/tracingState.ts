let isOn = false;

/** Whether this process makes spans. Asked for each message, so it is no more than a variable. */
export const isTracing = (): boolean => isOn;

export const setTracing = (on: boolean): void => {
  isOn = on;
};
