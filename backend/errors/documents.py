"""Documents and collections."""

from backend.errors.base import OndolError, Text


class DocumentTooLarge(OndolError):
    code, status = "document_too_large", 413
    what = Text("파일이 너무 큽니다(최대 {limit:,}바이트).", "The file is too large (at most {limit:,} bytes).")
    next_step = Text(
        "나누어 올리거나, 운영자에게 MAX_DOCUMENT_BYTES를 늘려 달라고 하세요.",
        "Upload it in parts, or ask the operator to raise MAX_DOCUMENT_BYTES.",
    )


class DocumentTooLong(OndolError):
    code, status = "document_too_long", 413
    what = Text(
        "글이 너무 깁니다(한 파일에 최대 {limit:,}자).", "There is too much text (at most {limit:,} characters a file)."
    )
    next_step = Text("나누어 올려 주세요.", "Upload it in parts.")


class DocumentEmpty(OndolError):
    code, status = "document_empty", 422
    what = Text("파일이 비어 있습니다.", "The file is empty.")
    next_step = Text("내용이 있는 파일을 올려 주세요.", "Upload one that has text.")


class DocumentTypeUnknown(OndolError):
    code, status = "document_type_unknown", 415
    what = Text("읽을 수 있는 종류의 파일이 아닙니다.", "This kind of file cannot be read.")
    next_step = Text(
        "PDF, DOCX, HWPX, TXT, Markdown, HTML, CSV, 법령 XML·JSON이나 이들을 묶은 ZIP으로 올려 주세요.",
        "Upload PDF, DOCX, HWPX, TXT, Markdown, HTML, CSV, an exported law (XML, JSON), or a ZIP of these.",
    )


class OldHwp(OndolError):
    code, status = "old_hwp", 415
    what = Text("예전 HWP 형식은 읽지 못합니다.", "The old binary HWP format cannot be read.")
    next_step = Text(
        "한글에서 열고 '다른 이름으로 저장하기'에서 HWPX나 PDF를 골라 저장한 뒤 올려 주세요.",
        "Open it in Hangul, choose Save As, HWPX or PDF, and upload that.",
    )


class OldOffice(OndolError):
    code, status = "old_office", 415
    what = Text(
        "암호가 걸린 파일이거나 예전 Office 형식(DOC)입니다.",
        "The file has a password or is of an old Office format (DOC).",
    )
    next_step = Text(
        "Word에서 열고 암호 없이 DOCX로 저장해 올려 주세요.", "Open it in Word, save it as DOCX without a password."
    )


class DocumentEncrypted(OndolError):
    code, status = "document_encrypted", 422
    what = Text("암호가 걸린 파일입니다.", "The file is protected by a password.")
    next_step = Text("암호를 없앤 파일을 올려 주세요.", "Upload it without the password.")


class DocumentDamaged(OndolError):
    code, status = "document_damaged", 422
    what = Text("파일이 손상되었거나 이름과 다른 형식입니다.", "The file is damaged, or is not what its name says.")
    next_step = Text("원래 프로그램에서 열리는지 확인하고 다시 올려 주세요.", "Check that it opens in its own program.")


class DocumentWithoutText(OndolError):
    code, status = "document_without_text", 422
    what = Text(
        "글자가 없는 파일입니다. 스캔한 그림만 있는 PDF일 수 있습니다.",
        "There is no text in the file. It may be a PDF of scanned pictures.",
    )
    next_step = Text(
        "문자 인식(OCR)을 한 PDF로 바꾸어 올려 주세요.", "Run text recognition (OCR) on it and upload the result."
    )


class DocumentTooHard(OndolError):
    code, status = "document_too_hard", 422
    what = Text(
        "정해진 시간이나 메모리 안에 읽지 못했습니다.", "It could not be read within the limits of time and memory."
    )
    next_step = Text("다시 저장하거나 나누어 올려 주세요.", "Save it anew or in parts, and upload that.")


class ArchiveTooManyFiles(OndolError):
    code, status = "archive_too_many_files", 422
    what = Text(
        "ZIP 안에 파일이 {count:,}개 있습니다(최대 {limit:,}개).",
        "The ZIP has {count:,} files, at most {limit:,} are taken.",
    )
    next_step = Text("나누어 묶어 올려 주세요.", "Pack them into several.")


class ArchiveTooLarge(OndolError):
    code, status = "archive_too_large", 422
    what = Text(
        "ZIP을 풀면 너무 커집니다(최대 {limit:,}바이트).", "The ZIP unpacks to too much (at most {limit:,} bytes)."
    )
    next_step = Text("나누어 묶어 올려 주세요.", "Pack the files into several.")


class ArchiveNested(OndolError):
    code, status = "archive_nested", 422
    what = Text("ZIP 안의 ZIP은 풀지 않습니다.", "A ZIP inside a ZIP is not unpacked.")
    next_step = Text("안에 있는 ZIP을 따로 올려 주세요.", "Upload the inner one by itself.")


class ArchiveNameUnsafe(OndolError):
    code, status = "archive_name_unsafe", 422
    what = Text(
        "ZIP 안의 이름이 폴더 밖을 가리켜 읽지 않았습니다.",
        "A name in the ZIP points outside of its folder; it was not read.",
    )
    next_step = Text("이름을 고쳐 다시 묶어 주세요.", "Rename the file and pack it again.")


class UnknownCollection(OndolError):
    code, status = "unknown_collection", 404
    what = Text("그 문서함을 찾을 수 없습니다.", "That collection was not found.")
    next_step = Text("지워졌을 수 있습니다. 목록에서 골라 주세요.", "It may have been deleted; pick one from the list.")


class UnknownDocument(OndolError):
    code, status = "unknown_document", 404
    what = Text("그 문서를 찾을 수 없습니다.", "That document was not found.")
    next_step = Text("지워졌을 수 있습니다. 목록에서 골라 주세요.", "It may have been deleted; pick one from the list.")


class UnknownPassage(OndolError):
    code, status = "unknown_passage", 404
    what = Text("그 대목을 찾을 수 없습니다.", "That passage was not found.")
    next_step = Text(
        "문서가 지워졌거나 다시 읽혔을 수 있습니다. 다시 찾아 주세요.",
        "Its document may have been deleted or read anew; search again.",
    )


class UnknownPage(OndolError):
    code, status = "unknown_page", 404
    what = Text("그 문서에는 그런 쪽이 없습니다.", "The document has no such page to show.")
    next_step = Text(
        "쪽 번호를 확인해 주세요. PDF만 쪽을 보여 줍니다.", "Check the number; only PDFs have pages to show."
    )


class DocumentNotWaiting(OndolError):
    code, status = "document_not_waiting", 409
    what = Text(
        "이 문서는 지금 그렇게 할 수 없습니다({state}).", "That cannot be done with this document now ({state})."
    )
    next_step = Text(
        "취소는 읽는 동안에, 다시 읽기는 실패하거나 취소된 뒤에 할 수 있습니다.",
        "Cancel while it is being read; retry after it failed or was cancelled.",
    )


class UploadWithoutFiles(OndolError):
    code, status = "upload_without_files", 422
    what = Text("올린 파일이 없습니다.", "There is no file in the upload.")
    next_step = Text(
        "multipart/form-data의 `files`에 하나 이상 담아 주세요.",
        "Send one or more in the field `files` of a multipart form.",
    )
