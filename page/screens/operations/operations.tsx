import { useTexts } from '../../text/language.ts';
import { Failures } from './failures.tsx';
import { Forecast } from './forecast.tsx';
import './operations.css';
import { Queues } from './queues.tsx';
import { Releases } from './releases.tsx';

/** What the cloud team looks at: what is stuck, what failed, who runs what, what it costs. */
export function Screen() {
  const { operations: text } = useTexts();
  return (
    <div class="operations">
      <h1>{text.title}</h1>
      <Queues />
      <Failures />
      <Releases />
      <Forecast />
    </div>
  );
}
