/** What went wrong between a browser and the server: errors that are a {@link Failure} too. */
import type { Failure } from "../../api/generated/api";

/** Nothing came back. */
export function unanswered(): Error & Failure {
  return failure({ code: "interrupted", message: "Shoal does not answer: is it still running?" });
}

/** The server said no: in its own words where it had any. */
export function failed(status: number, said: unknown): Error & Failure {
  const isFailure = typeof said === "object" && said !== null && "code" in said && "message" in said;
  return failure(isFailure ? (said as Failure) : { code: "failed", message: `Shoal refused this (${String(status)})` });
}

function failure({ code, message }: Failure): Error & Failure {
  return Object.assign(new Error(message), { code });
}
