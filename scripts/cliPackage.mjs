import { buildNpmPackage } from './npmPackage.mjs';

/** Makes dist/kubectl-waba: the plugin, and the program by which kubectl completes its command lines. */
export const buildCliPackage = () =>
  buildNpmPackage({
    name: 'kubectl-waba',
    entryPoints: { main: 'src/bin/kubectl-waba.ts' },
    commands: {
      'kubectl-waba': "import '../main.js';",
      'kubectl_complete-waba': "process.argv.splice(2, 0, 'completion-words');\nawait import('../main.js');",
    },
    // Whoever installs one package wants no others: Kubernetes' own client is in the bundle.
    external: ['pg-native'],
  });
