import { DefaultStackSynthesizer, type Environment, type IStackSynthesizer, RemovalPolicy } from 'aws-cdk-lib/core';
import type { Place } from '../lib/federation/topology.ts';

/** Account and region of a stack. Default: those of the deployer's credentials. */
export const environmentOf = ({ account, region }: Place): { readonly env?: Environment } =>
  account !== undefined && region !== undefined ? { env: { account, region } } : {};

/** The bootstrap rule requires a parameter in the account that only `cdk deploy` needs. */
export const withoutBootstrapRule = (): IStackSynthesizer =>
  new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) as IStackSynthesizer;

/**
 * For resources that outlive their stack. They are deleted when the stack's creation fails, so that it can be repeated: with
 * `RETAIN`, their names would be taken.
 */
export const KEPT = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
