// UTF-8 in plain JavaScript: the sandbox's engine has no TextEncoder and no TextDecoder.

// The UTF-8 of a text. Half of a surrogate pair becomes U+FFFD.
export function encode(text) {
  const bytes = new Uint8Array(length(text));
  let at = 0;
  for (const character of text) {
    const code = scalar(character);
    if (code < 0x80) {
      bytes[at++] = code;
    } else if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
      bytes[at++] = 0x80 | (code & 63);
    } else if (code < 0x10000) {
      bytes[at++] = 0xe0 | (code >> 12);
      bytes[at++] = 0x80 | ((code >> 6) & 63);
      bytes[at++] = 0x80 | (code & 63);
    } else {
      bytes[at++] = 0xf0 | (code >> 18);
      bytes[at++] = 0x80 | ((code >> 12) & 63);
      bytes[at++] = 0x80 | ((code >> 6) & 63);
      bytes[at++] = 0x80 | (code & 63);
    }
  }
  return bytes;
}

// How many bytes the UTF-8 of a text has.
export function length(text) {
  let bytes = 0;
  for (const character of text) {
    const code = scalar(character);
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

// The text of UTF-8; throws what decodeURIComponent throws if it is none.
export function decode(bytes) {
  let escaped = "";
  for (const byte of bytes) {
    escaped += "%" + byte.toString(16).padStart(2, "0");
  }
  try {
    return decodeURIComponent(escaped);
  } catch {
    throw new Error("the bytes are not UTF-8");
  }
}

function scalar(character) {
  const code = character.codePointAt(0);
  return code >= 0xd800 && code < 0xe000 ? 0xfffd : code;
}
