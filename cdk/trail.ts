import * as cloudtrail from 'aws-cdk-lib/aws-cloudtrail';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Stack } from 'aws-cdk-lib/core';

/**
 * Records every read and write of a bucket's objects by CloudTrail, with who did it. Unlike the access log, it misses none.
 *
 * @param logs where the records are written, and expire like access logs
 */
export function addTrail(bucket: s3.IBucket, logs: s3.IBucket): void {
  const trail = new cloudtrail.Trail(Stack.of(bucket), 'Trail', {
    bucket: logs,
    s3KeyPrefix: 'trail',
    isMultiRegionTrail: false,
    includeGlobalServiceEvents: false,
    // The account's own trail, if there is one, has these. A second copy would cost money.
    managementEvents: cloudtrail.ReadWriteType.NONE,
  });
  trail.addS3EventSelector([{ bucket }], { includeManagementEvents: false });
}
