export type Say = (line: string) => void;

/** A running LocalStack. */
interface LocalStack {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A way to start LocalStack on this machine, with all its requirements installed. */
export interface Launch {
  /**
   * Starts LocalStack on a port of 127.0.0.1 and waits until it answers.
   *
   * @throws FedcardioError BAD_CONFIGURATION if the port is in use or LocalStack does not start
   */
  start(port: number, say: Say): Promise<LocalStack>;
}
