-- What a content looks like is recorded when it is read: the offset in bytes from which it is nothing but zero bytes to its end. The size where
-- its last byte is not zero; 0 where all of it is zeros, or where it is empty. Null where nobody read it, or before this was recorded.
-- It goes with the digest: where that is null, so is this.
alter table version add column zero_from bigint;
alter table ending add column zero_from bigint;
alter table donor add column zero_from bigint;
