ALTER TABLE devices ADD COLUMN colour INTEGER; -- index of the palette that its owner chose
