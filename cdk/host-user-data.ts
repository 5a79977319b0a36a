import * as ec2 from 'aws-cdk-lib/aws-ec2';

/**
 * Settings of the ECS agent, by the names of its documentation ("Amazon ECS container agent configuration"). Batch adds the
 * cluster.
 */
const AGENT = {
  // On the notice that a spot host is reclaimed, two minutes before, tasks get SIGTERM and write a checkpoint.
  ECS_ENABLE_SPOT_INSTANCE_DRAINING: 'true',
  // Until SIGKILL. Default: 30 s, less than it takes to write a checkpoint of gigabytes.
  ECS_CONTAINER_STOP_TIMEOUT: '110s',
  // The image has several gigabytes. Defaults: 1, 4 and 3 minutes.
  ECS_IMAGE_PULL_INACTIVITY_TIMEOUT: '15m',
  ECS_CONTAINER_CREATE_TIMEOUT: '15m',
  ECS_CONTAINER_START_TIMEOUT: '15m',
  // Tags of the repository are immutable.
  ECS_IMAGE_PULL_BEHAVIOR: 'prefer-cached',
  ECS_DISABLE_PRIVILEGED: 'true',
  ECS_AWSVPC_BLOCK_IMDS: 'true',
  // Credentials of the job's role on the host's network, and the log driver with the execution role's instead of the host's.
  ECS_ENABLE_TASK_IAM_ROLE: 'true',
  ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST: 'true',
  ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE: 'true',
} as const;

/**
 * Runs at every boot, before Docker and the ECS agent start.
 *
 * Batch runs containers on the host's network, where the limit of hops does not keep them from the instance metadata. Only
 * root processes of the host, such as the agent, may reach it. Containers get their job role's credentials from the agent
 * (169.254.170.2), which stays reachable. Without the rules, no task may start on this host.
 */
export const BOOT_SCRIPT = `#!/bin/bash
set -euo pipefail
trap '[ $? = 0 ] || systemctl mask --runtime ecs.service' EXIT

reject() {
  "$1" --wait --insert OUTPUT --destination "$2" --match owner ! --uid-owner 0 --jump REJECT
  # Docker keeps what is in this chain. It is for containers on a bridge.
  "$1" --wait --new-chain DOCKER-USER 2>/dev/null || true
  "$1" --wait --insert DOCKER-USER --destination "$2" --jump REJECT
}
reject iptables 169.254.169.254
# The launch template turns this address off.
reject ip6tables fd00:ec2::254 || true

config="\${ECS_CONFIG_FILE:-/etc/ecs/ecs.config}"
mkdir -p "$(dirname "$config")"
touch "$config"
while read -r line; do
  grep -qxF "$line" "$config" || echo "$line" >> "$config"
done <<'SETTINGS'
${Object.entries(AGENT)
  .map(([name, value]) => `${name}=${value}`)
  .join('\n')}
SETTINGS
`;

/** User data of hosts, in the format that Batch requires: MIME multipart. Batch appends its own part. */
export function hostUserData(): ec2.UserData {
  const userData = new ec2.MultipartUserData();
  userData.addPart(ec2.MultipartBody.fromRawBody({ contentType: ec2.MultipartBody.CLOUD_BOOTHOOK, body: BOOT_SCRIPT }));
  return userData;
}
