import { codeRequest, shardsRequest, twoStepRequest, verifyRequest } from '../../../onprem/account.ts';
import { knows } from '../../../onprem/clientBehaviour.ts';
import { Refusal } from '../../wire/protocol.ts';
import { relayed } from '../respond.ts';
import { type Route, route } from '../route.ts';

/** Account and Two-step. Source: docs/onprem/api-admin.md §4–6. */
export const accountRoutes: readonly Route[] = [
  route(
    {
      method: 'POST',
      path: '/v1/account',
      access: 'admin',
      summary: 'Ask for a registration code: 202, or 201 where this installation is registered',
      fidelity: 'simplified',
      note: 'codes come from the simulated network; the wait between two codes is minutes, not hours',
      body: codeRequest,
    },
    async ({ body }, { router, version }) => {
      const { outcome, vname } = await router.primary('requestCode', body);
      return outcome === 'already-registered'
        ? relayed(version, 201)
        : relayed(version, 202, { account: [{ vname }] });
    },
  ),
  route(
    {
      method: 'POST',
      path: '/v1/account/verify',
      access: 'admin',
      summary: 'Register with the code',
      fidelity: 'inferred',
      note: 'reasons of a refusal other than biz_link_info_invalid_payload are not documented',
      body: verifyRequest,
    },
    async ({ body }, { router, version }) => {
      await router.primary('verifyCode', body);
      return relayed(version, 201);
    },
  ),
  route(
    {
      method: 'GET',
      path: '/v1/account/shards',
      access: 'admin',
      summary: 'Number of shards',
      fidelity: 'exact',
    },
    async (_, { router, version }) => relayed(version, 200, { account: await router.primary('shards', {}) }),
  ),
  route(
    {
      method: 'POST',
      path: '/v1/account/shards',
      access: 'admin',
      summary: 'Split the number into 1, 2, 4, 8, 16 or 32 shards',
      fidelity: 'simplified',
      note: 'a wrong certificate is refused; the real product logs the client off or bans the account',
      body: shardsRequest,
    },
    async ({ body }, { router, version }) => {
      if (body.cert === undefined && knows(version, 'shardCertificate'))
        throw new Refusal(1008, 'cert is required');
      await router.primary('setShards', body);
      return relayed(version, 201);
    },
  ),
  route(
    {
      method: 'POST',
      path: '/v1/settings/account/two-step',
      access: 'admin',
      summary: 'Set the two-step PIN',
      fidelity: 'exact',
      body: twoStepRequest,
    },
    async ({ body }, { router, version }) => {
      await router.primary('setTwoStep', body);
      return relayed(version);
    },
  ),
  route(
    {
      method: 'DELETE',
      path: '/v1/settings/account/two-step',
      access: 'admin',
      summary: 'Remove the two-step PIN',
      fidelity: 'exact',
    },
    async (_, { router, version }) => {
      await router.primary('setTwoStep', {});
      return relayed(version);
    },
  ),
];
