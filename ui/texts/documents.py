"""The documents page."""

from typing import Final

from backend.errors import Text

TEXTS: Final[dict[str, Text]] = {
    # documents
    "nav_documents": Text("문서", "Documents"),
    "collections_title": Text("문서함", "Collections"),
    "collections_empty": Text("문서함을 만들고 파일을 올리면, 대화에서 그 내용을 물을 수 있습니다.", "Make a collection and upload files; then a chat can answer from them."),
    "new_collection": Text("새 문서함", "New collection"),
    "new_collection_name": Text("새 문서함의 이름", "Name of the new collection"),
    "collection_made": Text("“{name}” 문서함을 만들었습니다. 이제 파일을 올려 보세요.", "Made “{name}”. Now upload files."),
    "collection_deleted": Text("“{name}” 문서함을 지웠습니다.", "Deleted “{name}”."),
    "collection_back": Text("“{name}” 문서함을 되돌렸습니다.", "“{name}” is back."),
    "shared": Text("모두와 공유", "shared"),
    "private": Text("나만", "private"),
    "share": Text("모두와 공유하기", "Share with everyone"),
    "unshare": Text("공유 그만두기", "Stop sharing"),
    "now_shared": Text("이제 모두가 “{name}” 문서함을 찾아볼 수 있습니다.", "Everyone can search “{name}” now."),
    "now_private": Text("이제 “{name}” 문서함은 나만 볼 수 있습니다.", "“{name}” is yours alone now."),
    "of_other": Text("{username} 님이 공유함", "shared by {username}"),
    "files_count": Text("파일 {count:,}개", "{count:,} files"),
    "files_title": Text("파일", "Files"),
    "files_empty": Text("아직 파일이 없습니다. PDF, DOCX, HWPX, TXT, Markdown, HTML, CSV, ZIP을 여기에 끌어다 놓거나 파일을 고르세요.", "No files yet. Drop PDF, DOCX, HWPX, TXT, Markdown, HTML, CSV or ZIP here, or choose files."),
    "files_empty_other": Text("아직 파일이 없습니다.", "No files yet."),
    "upload": Text("파일 올리기", "Upload files"),
    "drop_here": Text("여기에 놓으면 올립니다", "Drop to upload"),
    "uploading": Text("올리는 중", "uploading"),
    "uploaded": Text("올림", "uploaded"),
    "upload_failed": Text("올리지 못함", "not uploaded"),
    "upload_lost": Text("서버에 닿지 못했습니다. 연결을 확인하고 다시 올려 주세요.", "The server could not be reached. Check the connection and upload again."),
    "file": Text("파일", "File"),
    "size": Text("크기", "Size"),
    "pages_count": Text("{count:,}쪽", "{count:,} pages"),
    "passages_count": Text("{count:,}구절", "{count:,} passages"),
    "doc_queued": Text("차례를 기다림", "waiting"),
    "doc_reading": Text("읽는 중 {percent}%", "reading {percent}%"),
    "doc_ready": Text("찾을 수 있음", "searchable"),
    "doc_failed": Text("실패", "failed"),
    "doc_cancelled": Text("취소함", "cancelled"),
    "retry": Text("다시 읽기", "Read again"),
    "document_deleted": Text("“{name}” 파일을 지웠습니다.", "Deleted “{name}”."),
    "document_cancelled": Text("“{name}” 읽기를 취소했습니다.", "Stopped reading “{name}”."),
    "document_again": Text("“{name}” 파일을 다시 읽습니다.", "Reading “{name}” again."),
    "confirm_document": Text("이 파일을 지울까요? 되돌릴 수 없습니다.", "Delete this file? This cannot be undone."),
    "open_collection": Text("문서함 열기", "Open the collection"),
}  # fmt: skip
