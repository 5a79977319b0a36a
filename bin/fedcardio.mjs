#!/usr/bin/env node
// The command runs from source: tsx strips the types.
import { register } from 'tsx/esm/api';

// The AWS SDK announces at every start, in every process, what Node a later version of it will need. Ours is pinned.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

register();
await import('../cli/main.ts');
