import { DefaultStackSynthesizer, type Environment, type IStackSynthesizer } from 'aws-cdk-lib/core';
import type { Place } from '../lib/federation/topology.ts';

/** Account and region of a stack. Default: those of the deployer's credentials. */
export const environmentOf = ({ account, region }: Place): { readonly env?: Environment } =>
  account !== undefined && region !== undefined ? { env: { account, region } } : {};

/** The bootstrap rule requires a parameter in the account that only `cdk deploy` needs. */
export const withoutBootstrapRule = (): IStackSynthesizer =>
  new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) as IStackSynthesizer;
