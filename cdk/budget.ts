import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import type { Stack } from 'aws-cdk-lib/core';
import type { Federation } from '../lib/federation/schemas.ts';

/** Warns by e-mail of the monthly cost of the stack's account, which may have other causes than the federation. */
export function addBudget(stack: Stack, { budget }: Federation): void {
  if (!budget) return;
  const warn = (notificationType: 'ACTUAL' | 'FORECASTED', threshold: number) => ({
    notification: { notificationType, comparisonOperator: 'GREATER_THAN', threshold, thresholdType: 'PERCENTAGE' },
    subscribers: [{ subscriptionType: 'EMAIL', address: budget.email }],
  });
  new CfnBudget(stack, 'Budget', {
    budget: {
      budgetType: 'COST',
      timeUnit: 'MONTHLY',
      budgetLimit: { amount: budget.usdPerMonth, unit: 'USD' },
    },
    notificationsWithSubscribers: [warn('ACTUAL', 80), warn('FORECASTED', 100)],
  });
}
