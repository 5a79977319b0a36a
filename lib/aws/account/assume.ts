import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { FedcardioError } from '../../error.ts';
import { type AccountOptions, attempt, configOf } from './attempt.ts';

/** Longest session of a role that was assumed by a role (IAM user guide, "Role chaining"). */
const SESSION_SECONDS = 3600;

/** Credentials of a role for an hour. The SDK asks for new ones when they expire. */
export function assumedRole(options: AccountOptions, roleArn: string) {
  const sts = new STSClient(configOf(options));
  return async () => {
    const { Credentials: given } = await attempt(`assume role ${roleArn}`, () =>
      sts.send(
        new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'fedcardio', DurationSeconds: SESSION_SECONDS }),
      ),
    );
    if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken) {
      throw new FedcardioError('STORAGE', `AWS gave no credentials for ${roleArn}.`, { hint: 'Try again.' });
    }
    return {
      accessKeyId: given.AccessKeyId,
      secretAccessKey: given.SecretAccessKey,
      sessionToken: given.SessionToken,
      ...(given.Expiration ? { expiration: given.Expiration } : {}),
    };
  };
}
