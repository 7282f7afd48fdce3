import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { fleet } from './fleetDashboard.ts';
import { number } from './numberDashboard.ts';
import { operator } from './operatorDashboard.ts';

/** The builders number no panel; links to a panel, and its full view, need the number. */
const numbered = (dashboard: Dashboard): Dashboard => ({
  ...dashboard,
  panels: (dashboard.panels ?? []).map((panel, index) => ({ ...panel, id: index + 1 })),
});

/** Dashboards by the names of their files. */
export const dashboards: Readonly<Record<string, Dashboard>> = {
  fleet: numbered(fleet.build()),
  number: numbered(number.build()),
  operator: numbered(operator.build()),
};
