export function renderInstallManifest(): string | undefined;
