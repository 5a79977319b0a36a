import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { type AccountOptions, attempt, configOf } from './attempt.ts';

/** Who a request comes from, and the region that it goes to. */
export interface Caller {
  readonly account: string;
  readonly arn: string;
  readonly region: string;
}

/** Asks AWS whose the credentials are. @throws FedcardioError if there are none, or AWS does not know them */
export async function callerOf(options: AccountOptions): Promise<Caller> {
  const sts = new STSClient(configOf(options));
  return attempt('ask for the identity', async () => {
    const region = await sts.config.region();
    const { Account = '', Arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
    return { account: Account, arn: Arn, region };
  });
}
