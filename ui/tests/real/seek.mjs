/**
 * Plays a film from its beginning, leaps to its middle, and says how long each took: run in a page, of a browser or of a window. Takes the
 * player of the page, or makes one for an address.
 */
export const seek = async (address) => {
  const video = document.querySelector("video") ?? document.createElement("video");
  video.muted = true;
  if (!video.isConnected) {
    video.src = address;
    document.body.append(video);
  }
  const pictures = [];
  const see = (now, { mediaTime }) => {
    pictures.push([now, mediaTime]);
    video.requestVideoFrameCallback(see);
  };
  video.requestVideoFrameCallback(see);
  /** Milliseconds from `begun` until a picture of the film at `time` or later is shown, and the film moves on. */
  const shown = async (begun, time) => {
    for (;;) {
      if (video.error !== null) throw new Error(`${video.error.code} ${video.error.message}`);
      if (performance.now() - begun > 25_000) {
        const { readyState, networkState, currentTime, paused, seeking } = video;
        throw new Error(
          `no picture: ${JSON.stringify({ readyState, networkState, currentTime, paused, seeking, pictures: pictures.slice(-3) })}`,
        );
      }
      const first = pictures.find(([now, at]) => now >= begun && at >= time);
      if (first !== undefined && !video.seeking && video.currentTime > time) return performance.now() - begun;
      await new Promise((later) => setTimeout(later, 5));
    }
  };
  const opened = performance.now();
  void video.play();
  const first = await shown(opened, 0.2);
  const target = video.duration / 2;
  // For a moment it just plays.
  await new Promise((later) => setTimeout(later, 2_000));
  const leap = performance.now();
  video.currentTime = target;
  const middle = await shown(leap, target);
  // Once more, back to somewhere else: what the first leap learned does not help it.
  const back = performance.now();
  video.currentTime = target / 2;
  const quarter = await shown(back, target / 2);
  const { videoWidth: width, duration } = video;
  video.pause();
  return { first, middle, quarter, width, duration };
};
