import { DefaultStackSynthesizer, type Environment, type IStackSynthesizer } from 'aws-cdk-lib/core';
import type { Place } from '../lib/federation/topology.ts';

/** Account and region of a stack; without them it is deployed to wherever the credentials are for. */
export const environmentOf = ({ account, region }: Place): { readonly env?: Environment } =>
  account !== undefined && region !== undefined ? { env: { account, region } } : {};

/** The rule would ask the account for a parameter that only the CDK's own deployment needs. */
export const withoutBootstrapRule = (): IStackSynthesizer =>
  new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) as IStackSynthesizer;
