/** Longest side of a photo that we send, in pixels. */
export const LONGEST_SIDE = 1600
const QUALITY = 0.82

export class NotAPicture extends Error {
  override name = 'NotAPicture'
}

/** The size to draw at: never enlarged, longest side at most `limit`. */
export function fit(width: number, height: number, limit = LONGEST_SIDE): { width: number; height: number } {
  const scale = Math.min(1, limit / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

async function load(file: Blob): Promise<HTMLImageElement> {
  const url = URL.createObjectURL(file)
  try {
    const image = new Image()
    image.src = url
    await image.decode()
    return image
  } catch {
    throw new NotAPicture()
  } finally {
    URL.revokeObjectURL(url)
  }
}

/**
 * Shrink to a JPEG of at most 1600 px. Drawing on a canvas also drops EXIF, position included.
 * Throws `NotAPicture` when the browser cannot read the file.
 */
export async function shrink(file: Blob): Promise<Blob> {
  const image = await load(file)
  const size = fit(image.naturalWidth, image.naturalHeight)
  const canvas = document.createElement('canvas')
  canvas.width = size.width
  canvas.height = size.height
  const context = canvas.getContext('2d')
  if (context === null) throw new NotAPicture()
  context.fillStyle = '#fff' // transparent pictures on white, not black
  context.fillRect(0, 0, size.width, size.height)
  context.drawImage(image, 0, 0, size.width, size.height)
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new NotAPicture()) : resolve(blob)), 'image/jpeg', QUALITY)
  })
}
