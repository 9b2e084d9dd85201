// One picture of a recording as a file. What is evidence is the recording, not this.

export function snapshot(video: HTMLVideoElement | null, label: string): void {
  if (video === null || video.videoWidth === 0) return;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    if (blob === null) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${label.replaceAll(/\W+/g, "-")}-${new Date().toISOString().replaceAll(":", "")}.jpg`;
    link.click();
    URL.revokeObjectURL(link.href);
  }, "image/jpeg");
}
