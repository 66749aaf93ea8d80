/** Sends a body and hears how far it is, which `fetch` does not say. */
import { failed, unanswered } from "./failures";
import type { Put } from "./upload";

export const put: Put = (path, body, gone, signal) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded }) => gone(Math.min(loaded, body.size));
    request.onload = () => {
      const answer: unknown = request.response;
      if (request.status >= 200 && request.status < 300) resolve(answer);
      else reject(failed(request.status, answer));
    };
    request.onerror = () => reject(unanswered());
    request.onabort = () => reject(signal.reason instanceof Error ? signal.reason : unanswered());
    const abort = (): void => request.abort();
    signal.addEventListener("abort", abort);
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.send(body);
  });
