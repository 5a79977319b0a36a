import { z } from 'zod';

/**
 * Prices of AWS in one region, USD, without free tiers, savings plans and tax. `--prices FILE` replaces them with those
 * of another region or date.
 */
export const pricesSchema = z.strictObject({
  region: z.string(),
  /** Date of the prices. */
  asOf: z.iso.date(),
  /** Sources of the prices. */
  sources: z.record(z.string(), z.string()),
  /** On demand, Linux, per hour. */
  instanceHour: z.record(z.string(), z.number().positive()),
  /** gp3, per GB and month. */
  volumeGbMonth: z.number(),
  publicAddressHour: z.number(),
  storageGbMonth: z.number(),
  /** PUT, COPY, POST, LIST; and GET, HEAD. */
  write: z.number(),
  read: z.number(),
  /** To another region of AWS, per GB. Within a region and through a gateway endpoint S3 is free. */
  otherRegionGb: z.number(),
  /** To the internet, which is how models reach on-premises sites, per GB. */
  internetGb: z.number().default(0.09),
  queueRequest: z.number(),
  /** On arm64. */
  functionGbSecond: z.number(),
  functionRequest: z.number(),
  keyMonth: z.number(),
  keyRequest: z.number(),
  endpointHour: z.number(),
  alarmMonth: z.number(),
  dashboardMonth: z.number(),
  logGb: z.number(),
  trace: z.number(),
  scheduledInvocation: z.number(),
  imageGbMonth: z.number(),
});

export type Prices = z.infer<typeof pricesSchema>;

/** EC2 prices are from the price list of that day; the others are list prices that rarely change. */
export const PRICES: Prices = {
  region: 'us-east-1',
  asOf: '2026-08-17',
  sources: {
    instanceHour: 'https://aws.amazon.com/ec2/pricing/on-demand/',
    volumeGbMonth: 'https://aws.amazon.com/ebs/pricing/',
    publicAddressHour: 'https://aws.amazon.com/vpc/pricing/',
    'storageGbMonth, write, read, otherRegionGb, internetGb': 'https://aws.amazon.com/s3/pricing/',
    queueRequest: 'https://aws.amazon.com/sqs/pricing/',
    'functionGbSecond, functionRequest': 'https://aws.amazon.com/lambda/pricing/',
    'keyMonth, keyRequest': 'https://aws.amazon.com/kms/pricing/',
    endpointHour: 'https://aws.amazon.com/privatelink/pricing/',
    'alarmMonth, dashboardMonth, logGb': 'https://aws.amazon.com/cloudwatch/pricing/',
    trace: 'https://aws.amazon.com/xray/pricing/',
    scheduledInvocation: 'https://aws.amazon.com/eventbridge/pricing/',
    imageGbMonth: 'https://aws.amazon.com/ecr/pricing/',
  },
  instanceHour: {
    'g4dn.xlarge': 0.526,
    'g5.xlarge': 1.006,
    'g5.2xlarge': 1.212,
    'g6.xlarge': 0.8048,
    'g6.2xlarge': 0.9776,
    'g6e.xlarge': 1.861,
    't2.xlarge': 0.1856,
  },
  volumeGbMonth: 0.08,
  publicAddressHour: 0.005,
  storageGbMonth: 0.023,
  write: 0.005 / 1000,
  read: 0.0004 / 1000,
  otherRegionGb: 0.02,
  internetGb: 0.09,
  queueRequest: 0.4 / 1e6,
  functionGbSecond: 0.0000133334,
  functionRequest: 0.2 / 1e6,
  keyMonth: 1,
  keyRequest: 0.03 / 10_000,
  endpointHour: 0.01,
  alarmMonth: 0.1,
  dashboardMonth: 3,
  logGb: 0.5,
  trace: 5 / 1e6,
  scheduledInvocation: 1 / 1e6,
  imageGbMonth: 0.1,
};
